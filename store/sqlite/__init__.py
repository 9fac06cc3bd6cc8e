"""Everything specific to SQLite: connections, transactions, migrations, statements, and cleaning after erasures."""
