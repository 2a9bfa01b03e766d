# The library and the command `hund`, on a CPU:
#
#   docker build -t hund .
#   docker run --rm -v "$PWD:/data" hund reconstruct photo.jpg -o out
#
# or on NVIDIA GPUs, whose driver the NVIDIA Container Toolkit brings along:
#
#   docker build --build-arg DEVICE=gpu -t hund:gpu .
#   docker run --rm --gpus all -v "$PWD:/data" hund:gpu reconstruct ...
#
# The image holds the pinned packages of the repository.
FROM python:3.11-slim-bookworm

# cpu or gpu: which of the pinned requirements are installed.
ARG DEVICE=cpu

WORKDIR /opt/hund_tf
COPY requirements.txt requirements-gpu.txt ./
RUN if [ "$DEVICE" = gpu ]; then file=requirements-gpu.txt; \
  else file=requirements.txt; fi \
  && pip install --no-cache-dir --requirement "$file"

COPY . .
# g++ compiles the rasteriser of pictures and is taken away again.
ENV HUND_RASTERIZER_OP=/opt/rasterizer_op.so
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ \
  && python -m tools.build_rasterizer_op \
  && apt-get purge --yes --auto-remove g++ \
  && rm -rf /var/lib/apt/lists/* \
  && pip install --no-cache-dir --no-deps . \
  && useradd --create-home hund

USER hund
WORKDIR /data
ENTRYPOINT ["hund"]
CMD ["--help"]
