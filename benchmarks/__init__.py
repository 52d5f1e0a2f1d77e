"""Measurements that a person starts by hand; nothing here is needed to use the project."""
