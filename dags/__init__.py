"""WHEN: the order of jobs and gates, retries, schedules and forms. Imports airflow and schemas, nothing heavier."""
