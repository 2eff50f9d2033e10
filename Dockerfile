# The image of a pipeline's tasks on Kubeflow (and of Beam's workers): docs/kubeflow.md.
#
#     docker build --tag REGISTRY/microtome:TAG .

# A package has no wheel: the compiler is here, and not in the image.
FROM python:3.10-slim AS build
# Debian drops a version from its archive when the next comes: one that is named would not be found.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/microtome
ENV PATH=/opt/microtome/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /source
# apart from the sources, so that a change of these does not install all of it anew
COPY requirements/image.txt requirements/
# the lock names everything; pip would take a pinned package with an extra for one without a pin
RUN pip install --no-deps --require-hashes --requirement requirements/image.txt
COPY setup.py pyproject.toml README.md LICENSE ./
COPY microtome microtome
COPY component component
COPY executor executor
COPY proto proto
COPY pipelines pipelines
RUN pip install --no-deps --no-build-isolation .

FROM python:3.10-slim
COPY --from=build /opt/microtome /opt/microtome
RUN useradd --create-home --uid 1000 microtome
ENV PATH=/opt/microtome/bin:$PATH
# by its number: Kubernetes' runAsNonRoot knows no names
USER 1000
# not a folder with a checkout's `proto`, which would hide the package of that name
WORKDIR /home/microtome
# what the compiled pipeline names as the command of each task
ENTRYPOINT ["python", "-m", "microtome.component.kubeflow"]
