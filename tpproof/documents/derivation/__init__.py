"""The derivation in prose: one document from a checked certificate, for every printer."""

from tpproof.documents.derivation.compose import document

__all__ = ["document"]
