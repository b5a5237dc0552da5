"""What the DAG files share: how a command becomes a task, which tasks follow each other, and what all tasks inherit."""
