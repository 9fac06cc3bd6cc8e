"""SQLite: connections, transactions, migrations, statements and the cleaning of erased pages."""
