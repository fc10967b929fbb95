"""The models that may stand for election: one file per family, one interface (`candidate`), one list (`known`)."""
