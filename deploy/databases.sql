-- The study's database is PostgreSQL's first. MLflow has one of its own: both keep a table called alembic_version.
CREATE DATABASE mlflow;
