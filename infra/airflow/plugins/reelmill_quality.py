"""The quality page inside Airflow: name this folder in `core.plugins_folder`."""

from quality.plugin import DataQuality

__all__ = ["DataQuality"]
