# Airflow with the pipelines: every pinned package but the tests' own is used here.
FROM node:22-bookworm-slim AS pages
WORKDIR /pages
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH PYTHONPATH=/app
RUN python -m venv /opt/venv && pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY requirements.txt ./
RUN uv pip install --python /opt/venv/bin/python --no-cache --require-hashes -r requirements.txt
COPY pyproject.toml ./
COPY catalogs catalogs
COPY connectors connectors
COPY quality quality
COPY license_hub license_hub
COPY dags dags
# For Great Expectations' Data Docs.
COPY --from=pages /pages/node_modules node_modules
RUN uv pip install --python /opt/venv/bin/python --no-cache --no-deps --no-build-isolation -e . \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin airflow && mkdir -p /data && chown 10001:10001 /data
USER 10001:10001
VOLUME /data
