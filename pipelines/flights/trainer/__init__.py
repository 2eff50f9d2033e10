"""The Trainer's module file, alone in its folder: TFX packs every module that stands beside it."""
