# The server, its workbench and the command, on the CPU or with a GPU's extras:
#   docker build -t chatvlmllm .
#   docker build -t chatvlmllm:gpu --build-arg EXTRAS=server,postgres,archive,xlsx,ui,transformers,gpu .
FROM debian:trixie-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3-venv tesseract-ocr-rus tesseract-ocr-eng \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/chatvlmllm \
    && useradd --create-home --uid 1000 reader \
    && install -d -o reader /data
ENV PATH=/opt/chatvlmllm/bin:$PATH

ARG EXTRAS=server,postgres,archive,xlsx,ui
COPY pyproject.toml README.md LICENSE NOTICE /source/
COPY src /source/src
RUN pip install --no-cache-dir "/source[${EXTRAS}]" && rm -rf /source

USER 1000
ENV CHATVLMLLM_DATA=/data
VOLUME /data
EXPOSE 8642 8643
HEALTHCHECK --interval=30s --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8642/healthz')"]
ENTRYPOINT ["chatvlmllm"]
# An address beyond the container needs a key: CHATVLMLLM_SERVER__KEYS='{"me": "…"}'.
CMD ["serve", "--host", "0.0.0.0", "--log", "json"]
