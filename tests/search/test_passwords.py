"""Passwords are removed from URLs, in any position and notation."""

import pytest

from search.passwords import first_line, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://me:hush@db/x", "postgresql+psycopg://me@db/x"),
        ("postgresql://me:hu@sh@db/x", "postgresql://me@db/x"),
        ("postgresql://me:hu?sh@db/x", "postgresql://me@db/x"),
        ("postgresql://me:hush@db/x?application_name=a@b", "postgresql://me@db/x?application_name=a@b"),
        ("http://:hush@host:5000", "http://@host:5000"),
        ("postgresql://db/x?user=me&passwd=hush", "postgresql://db/x?user=me"),
        ("postgresql://db/x?PASSWORD=hush&user=me", "postgresql://db/x?user=me"),
        ("postgresql://db/x?sslpassword=hush&passfile=f", "postgresql://db/x?passfile=f"),
        ("mysql://db/x?pass%77ord=hush&charset=utf8", "mysql://db/x?charset=utf8"),
        ("mysql://db/x?charset=utf8;pwd=hush;a=b", "mysql://db/x?charset=utf8;a=b"),
        ("mssql://host;user=me;password=hush", "mssql://host;user=me"),
        (
            "mssql://?odbc_connect=DRIVER%3D%7Bx%7D%3BPWD%3Dhush%3BUID%3Dme",
            "mssql://?odbc_connect=DRIVER%3D%7Bx%7D%3BUID%3Dme",
        ),
        ("mssql://?odbc_connect=PWD%253Dhush%253BUID%253Dme", "mssql://?UID%253Dme"),
        ("DRIVER={x};PWD={hu;sh};UID=me", "DRIVER={x};UID=me"),
        ("host=db user=me password='hu sh' dbname=x", "host=db user=me dbname=x"),
        ("host=db password=hush", "host=db"),
        ("postgresql://db/x?options=-c%20a%3Db&password=hush", "postgresql://db/x?options=-c%20a%3Db"),
        ("s3://bucket?aws_secret_access_key=hush&region=eu", "s3://bucket?region=eu"),
        ("http://host/x?pass=hush&api_key=hush&apikey=hush&sig=hush&access_key=hush&a=b", "http://host/x?a=b"),
        ("http://host/x?user=me,password=hush", "http://host/x?user=me"),
        ("http://host/x#password=hush", "http://host/x"),
    ],
)
def test_passwords_are_removed(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite:////data/runs/mlflow.db",
        "http://127.0.0.1:5000/?x=a@b",
        "postgresql+psycopg://me@db:5432/x?sslmode=require&",
        "postgresql://db/passwords",
        "postgresql://db/x?options=-c+search_path%3Da",
        "postgresql://db/x?sslkey=client.key&passfile=f&design=a,b#c",
    ],
)
def test_a_url_without_a_password_is_unchanged(url: str) -> None:
    assert without_password(url) == url


def test_error_messages_contain_no_password_of_a_url() -> None:
    url = "mysql://me:hush@db/x?passwd=hush"
    error = ValueError(f"cannot open {url}, nor postgresql://you:hush@other/y\nat length")
    assert first_line(error, url) == "cannot open mysql://me@db/x, nor postgresql://you@other/y"
    assert first_line(KeyError(), url) == "KeyError"
