# Superset from our lock, with its configuration. The dashboards come over its API: service superset-apply.
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never \
    PYTHONUNBUFFERED=1

WORKDIR /opt/retail

# As in the platform's image: the lock first, pip for uv, uv for the lock. Two packages come as source only, in pure
# Python: they are built. All others are wheels, as the image has no compiler.
COPY stack/requirements-bootstrap.txt stack/requirements-bootstrap.txt
COPY stack/environments/superset.txt stack/environments/superset.txt
RUN pip install --require-hashes -r stack/requirements-bootstrap.txt
RUN mkdir tmp \
    && TMPDIR="$PWD/tmp" uv pip install --system --require-hashes --no-deps --compile-bytecode \
        -r stack/environments/superset.txt \
    && rm -r tmp

RUN groupadd --gid 50000 retail \
    && useradd --uid 50000 --gid retail --home-dir /var/lib/superset --no-create-home retail \
    && mkdir -p /var/lib/superset \
    && chown -R retail:retail /var/lib/superset

COPY superset superset
COPY docker/superset-start.sh docker/superset-start.sh

ENV HOME=/var/lib/superset \
    SUPERSET_HOME=/var/lib/superset \
    SUPERSET_CONFIG_PATH=/opt/retail/superset/superset_config.py

WORKDIR /var/lib/superset
USER 50000:50000

CMD ["sh", "/opt/retail/docker/superset-start.sh"]
