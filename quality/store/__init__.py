"""Quality's own tables (`quality_*`) and their migrations."""

from quality.store.upgrade import upgrade

__all__ = ["upgrade"]
