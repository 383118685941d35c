"""The page: one file that is read without scripts, and the fragment that notebooks show."""

from tpproof.documents.html.embedded import certificate_in
from tpproof.documents.html.page import html_page, html_summary

__all__ = ["certificate_in", "html_page", "html_summary"]
