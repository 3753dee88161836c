"""OK or NG: what lies in a known arrangement is found, counted, and held against its layout."""
