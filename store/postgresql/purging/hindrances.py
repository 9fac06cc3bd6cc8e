"""What makes erasures late or incomplete as PostgreSQL is set up: sentences for the start of a server and for status.

What a role may do is asked of the server; a superuser may do all of it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

STATE = """
SELECT has_function_privilege('pg_ls_waldir()', 'EXECUTE') AND pg_has_role('pg_read_all_stats', 'USAGE'),
  pg_has_role('pg_checkpoint', 'USAGE')
    AND (pg_is_in_recovery() OR has_function_privilege('pg_switch_wal()', 'EXECUTE')),
  current_setting('wal_recycle') = 'on', current_setting('wal_keep_size') <> '0',
  current_setting('archive_mode') <> 'off',
  (current_setting('log_statement') IN ('mod', 'all') OR current_setting('log_min_duration_statement') <> '-1'
      OR current_setting('log_min_duration_sample') <> '-1' OR current_setting('log_transaction_sample_rate') <> '0')
    AND current_setting('log_parameter_max_length') <> '0',
  current_setting('log_parameter_max_length_on_error') <> '0',
  coalesce(current_setting('auto_explain.log_min_duration', TRUE), '-1') <> '-1',
  coalesce(current_setting('pgaudit.log_parameter', TRUE), 'off') <> 'off',
  (SELECT string_agg(attrelid::regclass || '.' || attname, ', ' ORDER BY attrelid::regclass::text, attname)
    FROM pg_attribute WHERE attrelid IN (to_regclass('interaction'), to_regclass('participant'))
      AND attname IN ('data', 'body', 'extra', 'identifier', 'proxy_identifier', 'friendly_name')
      AND NOT attisdropped AND coalesce(attstattarget, -1) <> 0)
""".strip()
BY_RIGHT = (
    "Erasures stay open: the role may not see PostgreSQL's log and its standbys. GRANT pg_monitor TO the role.",
    "Erasures wait for PostgreSQL's own checkpoints and segments: the role may not ask for them. GRANT pg_checkpoint "
    "TO the role, and EXECUTE ON FUNCTION pg_switch_wal().",
)
"""The sentences for a role that lacks the right to see the log, or the right to switch it."""
BY_SETTING = (
    "Each round of erasures writes all recycled log again. Set wal_recycle = off on the primary and its standbys.",
    "wal_keep_size keeps the log, and so the bytes of what was erased, for longer.",
    "Archived log keeps the bytes of what was erased. Remove it when its time is over.",
    "The server's own log has the values of statements, and so what was erased. Set log_parameter_max_length = 0.",
    "The server's own log has the values of statements that failed. Set log_parameter_max_length_on_error = 0.",
    "auto_explain writes plans with values into the server's own log. Set auto_explain.log_min_duration = -1.",
    "pgaudit writes the values of statements into the server's own log. Set pgaudit.log_parameter = off.",
)
"""The sentences for settings that are on, in the order of STATE."""
STATISTICS = (
    "ANALYZE copies values of {columns} into pg_statistic, which no erasure reaches. Set their STATISTICS to 0, and "
    "delete those that there are."
)


async def hindrances(fetch: Callable[[str], Awaitable[Sequence[Any]]]) -> list[str]:
    """The sentences; ``fetch`` runs a statement."""
    ((sees_log, may_switch, *settings, columns),) = await fetch(STATE)
    return [
        *(sentence for may, sentence in zip((sees_log, may_switch), BY_RIGHT, strict=True) if not may),
        *(sentence for is_on, sentence in zip(settings, BY_SETTING, strict=True) if is_on),
        *([STATISTICS.format(columns=columns)] if columns else []),
    ]
