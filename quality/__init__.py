"""TRUE?: gates derived from the contracts, the funnel, drift, and the pages that show them."""
