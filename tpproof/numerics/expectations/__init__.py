"""E F(u) and E F(u) G(v): closed forms, expansions, quadrature, and their errors."""
