"""Builds the one import package `microtome` from the four rooms and the library beneath them."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (ROOT / "microtome/version.py").read_text()).group(1)

# The rooms at the top level are sub-packages of `microtome`.
ROOMS = ("component", "executor", "proto", "pipelines")

EXTRAS = {
    # newer Beam drops dill, which TFX 1.15's companions need
    "tfx": ["tfx==1.15.1", "apache-beam==2.65.0", "ml-metadata==1.15.0", "protobuf==3.20.3"],
    # for stores of ML Metadata without TFX; has no wheels for Python 3.12
    "mlmd": ["ml-metadata>=1.15"],
    "airflow": ["apache-airflow==2.10.3", "psycopg2-binary>=2.9"],
    "kfp": ["kfp==2.5.0"],
    "notebook": ["anywidget>=0.9"],
    "serve": ["tornado>=6.1"],
}


def packages() -> list[str]:
    """Names all packages; folders without an `__init__.py` too, such as a Trainer's module file."""
    names = []
    for folder in ("microtome", *ROOMS):
        prefix = folder if folder == "microtome" else f"microtome.{folder}"
        inner = setuptools.find_namespace_packages(str(ROOT / folder), exclude=["*__pycache__*"])
        names += [prefix, *(f"{prefix}.{name}" for name in inner)]
    return names


setuptools.setup(
    name="microtome",
    version=VERSION,
    description="Sliced model evaluation for TFX, tracked in ML Metadata",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10",
    packages=packages(),
    package_dir={"microtome": "microtome", **{f"microtome.{room}": room for room in ROOMS}},
    package_data={"": ["py.typed", "*.proto", "*.pyi", "*.json", "*.js"]},
    install_requires=[
        "apache-beam>=2.65",
        "google-crc32c>=1.5",
        "numpy>=1.24",
        "pandas>=1.5",
        "protobuf>=3.20.3",
        "pyarrow>=10",
        "scipy>=1.11",
        "tensorflow>=2.15",
        "tqdm>=4.60",
    ],
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["microtome = microtome.cli:main"]},
)
