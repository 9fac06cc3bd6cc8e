# Serves an archive that is mounted at /archive: docker run -p 127.0.0.1:8000:8000 -v proxygraph:/archive IMAGE
# It wants a key of everybody, and starts once there is one:
# docker run --rm -v proxygraph:/archive IMAGE python -m gateway keys create NAME --scope read
FROM python:3.13-slim

WORKDIR /app
COPY pyproject.toml README.md ./
COPY gateway/graphiql/page gateway/graphiql/page
RUN pip install --no-cache-dir .
COPY store store
COPY resolvers resolvers
COPY schema schema
COPY gateway gateway

RUN useradd --system --uid 10001 proxygraph && install -d -o proxygraph /archive
USER proxygraph
VOLUME /archive
ENV PROXYGRAPH_DATABASE=/archive/proxygraph.db PROXYGRAPH_HOST=0.0.0.0 PYTHONUNBUFFERED=1
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["python", "-m", "gateway", "serve"]
