"""A folder of files as a project: what each file is, what was saved, what is wrong."""

from outfall.project.describe import describe_folder
from outfall.project.folder import Project
from outfall.project.roles import Input

__all__ = ["Input", "Project", "describe_folder"]
