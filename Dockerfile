# Serves an archive that is mounted at /archive: docker run -p 127.0.0.1:8000:8000 -v proxygraph:/archive IMAGE
# It wants a key of everybody, and starts once there is one:
# docker run --rm -v proxygraph:/archive IMAGE proxygraph keys create NAME --scope read
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md ./
COPY store store
COPY resolvers resolvers
COPY schema schema
COPY gateway gateway
RUN python -m venv /opt/proxygraph && /opt/proxygraph/bin/pip install --no-cache-dir .

FROM python:3.13-slim
COPY --from=build /opt/proxygraph /opt/proxygraph
RUN useradd --system --uid 10001 proxygraph && install -d -o proxygraph /archive
# By its number, which tells whoever starts it that this is not root.
USER 10001
WORKDIR /archive
VOLUME /archive
ENV PATH=/opt/proxygraph/bin:$PATH PROXYGRAPH_DATABASE=/archive/proxygraph.db PROXYGRAPH_HOST=0.0.0.0 PYTHONUNBUFFERED=1
EXPOSE 8000
# Not by urllib, which would ask a proxy that the environment names.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", "\
from http.client import HTTPConnection; from os import environ; \
server = HTTPConnection('127.0.0.1', environ.get('PROXYGRAPH_PORT', '8000'), timeout=2); \
server.request('GET', '/readyz'); raise SystemExit(server.getresponse().status != 200)"]
CMD ["proxygraph", "serve"]
