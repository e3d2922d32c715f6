"""The root of every error of this project, and the catalogue's own.

EgovError                      base: a fault, never a verdict
├── CatalogError               the catalogue is wrong (all faults at once)
├── connectors.errors.*        SourceUnavailable (retry) · ContractBroken (do not)
├── quality.errors.*           gate, balance, publication
└── license_hub.errors.*       signing, storage, access
"""


class EgovError(Exception):
    """A fault with a stable code. Messages carry ids and places, never personal data."""

    code = "ERROR"


class CatalogError(EgovError):
    """One or more faults in the catalogue; `faults` lists them all, each naming file and key path."""

    code = "CATALOG"

    def __init__(self, faults: list[str]):
        self.faults = list(faults)
        super().__init__(f"{len(self.faults)} fault(s) in the catalogue:\n" + "\n".join(f"  {fault}" for fault in self.faults))
