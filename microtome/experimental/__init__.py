"""Names under the places that TFMA gave them. They stand in `microtome` too."""

from microtome.experimental import dataframe as dataframe
