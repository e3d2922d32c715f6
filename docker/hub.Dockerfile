# The hub alone: no Airflow, no Great Expectations.
FROM node:22-bookworm-slim AS pages
WORKDIR /pages
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/opt/venv/bin:$PATH PYTHONPATH=/app
# Copies 加注件 embed a Chinese font.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv && pip install --no-cache-dir uv==0.13.9
WORKDIR /app
COPY docker/requirements-hub.txt docker/
RUN uv pip install --python /opt/venv/bin/python --no-cache --require-hashes -r docker/requirements-hub.txt
COPY pyproject.toml ./
COPY catalogs catalogs
COPY connectors connectors
COPY quality quality
COPY license_hub license_hub
COPY --from=pages /pages/node_modules node_modules
RUN uv pip install --python /opt/venv/bin/python --no-cache --no-deps --no-build-isolation -e . \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin hub && mkdir -p /data && chown 10001:10001 /data
USER 10001:10001
VOLUME /data
CMD ["hub", "serve"]
