#!/usr/bin/env bash
# PostgreSQL for studies and for MLflow, and an MLflow server, in one folder and without containers.
#
#   deploy/server.sh start ~/tunesmith-server
#   deploy/server.sh stop ~/tunesmith-server
#
# Later starts use the data in the folder. Both listen only on loopback. PGPORT (5432) and MLFLOW_PORT (5000) set the ports,
# MLFLOW_ALLOWED_HOSTS the host names that MLflow answers to.
set -euo pipefail

if (($# != 2)) || [[ $1 != start && $1 != stop ]]; then
    echo "usage: $0 start|stop FOLDER" >&2
    exit 2
fi
folder=$(realpath --canonicalize-missing "$2")
export PGHOST=127.0.0.1 PGPORT=${PGPORT:-5432} PGUSER=tunesmith
mlflow_port=${MLFLOW_PORT:-5000}
PATH="$PATH:$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort --version-sort | tail -n 1)" # Debian's location
pid_file=$folder/mlflow.pid

# PostgreSQL refuses to run as root, so root runs it as the user postgres, which must be able to access the folder.
as_postgres() {
    if ((EUID == 0)); then
        setpriv --reuid postgres --regid postgres --clear-groups "$@"
    else
        "$@"
    fi
}

is_mlflow() {
    [[ -f $pid_file ]] && kill -0 "$(<"$pid_file")" 2>/dev/null
}

if [[ $1 == stop ]]; then
    if is_mlflow; then
        kill -TERM -- "-$(<"$pid_file")"
        while is_mlflow; do sleep 0.2; done
    fi
    rm -f "$pid_file"
    as_postgres pg_ctl --pgdata "$folder/postgres/data" --mode fast --wait stop
    exit
fi

umask 077
mkdir -p "$folder/postgres"
if [[ ! -f $folder/password ]]; then
    python3 -c 'import secrets; print(secrets.token_urlsafe(24))' >"$folder/password"
fi
if ((EUID == 0)); then
    chmod a+x "$folder"
    chown postgres "$folder/postgres" "$folder/password"
fi
if [[ ! -d $folder/postgres/data ]]; then
    as_postgres initdb --pgdata "$folder/postgres/data" --username "$PGUSER" --pwfile "$folder/password" \
        --auth scram-sha-256 --encoding UTF8 --no-instructions
fi
as_postgres pg_ctl --pgdata "$folder/postgres/data" status >/dev/null ||
    as_postgres pg_ctl --pgdata "$folder/postgres/data" --wait --log "$folder/postgres/log" \
        --options "-c listen_addresses=127.0.0.1 -c port=$PGPORT -c unix_socket_directories=" start

# The password is only in the environment of the following commands: no URI, argument or log contains it.
PGPASSWORD=$(<"$folder/password")
export PGPASSWORD
for database in studies mlflow; do
    psql --dbname postgres --tuples-only --no-align --command 'SELECT datname FROM pg_database' |
        grep --quiet --line-regexp "$database" || createdb "$database"
done

if ! is_mlflow; then
    export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true
    setsid mlflow server --backend-store-uri "postgresql+psycopg://$PGHOST:$PGPORT/mlflow" \
        --artifacts-destination "$folder/artifacts" --host 127.0.0.1 --port "$mlflow_port" --workers 2 \
        --allowed-hosts "${MLFLOW_ALLOWED_HOSTS:-localhost:*,127.0.0.1:*}" \
        >>"$folder/mlflow.log" 2>&1 </dev/null &
    echo $! >"$pid_file"
fi
healthy() {
    python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$mlflow_port/health', timeout=3)" 2>/dev/null
}
until healthy; do
    if ! is_mlflow; then
        echo "MLflow did not start:" >&2
        tail -n 20 "$folder/mlflow.log" >&2
        exit 1
    fi
    sleep 0.5
done

cat <<END
PostgreSQL and MLflow are running. In a search file:

  [study]
  url = "postgresql+psycopg://$PGUSER@127.0.0.1:$PGPORT/studies"

  [tracking]
  uri = "http://127.0.0.1:$mlflow_port"

and in the environment of the search:

  export PGPASSWORD=\$(cat $folder/password)
END
