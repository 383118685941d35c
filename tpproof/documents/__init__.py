"""Documents for readers, made from a certificate's JSON value and deciding nothing."""
