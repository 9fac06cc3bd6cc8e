"""Arguments of fields: SIDs, filters, orders, pages and cursors."""
