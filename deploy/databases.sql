-- The container creates the studies' database. MLflow needs another, because both have a table called alembic_version.
CREATE DATABASE mlflow;
