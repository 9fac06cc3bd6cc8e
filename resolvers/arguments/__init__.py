"""Field arguments and their conversion: SIDs, filters, orders, pages and cursors."""
