"""The review page: a person reads the article, sees what differs, decides, and the golden grows."""
