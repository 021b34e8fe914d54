"""Problems of a routing file or a setting, and how they are printed."""
