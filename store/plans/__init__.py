"""What compiled plans read: rows written as JSON, the pages and counts of many parents. Each engine does it its way."""
