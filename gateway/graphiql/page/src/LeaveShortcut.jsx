// Adds the keys that leave an editor (editors.js) to GraphiQL's list of shortcuts, which has no interface for that.

import { useEffect, useState } from 'react';
import { createPortal } from 'react-dom';

const LIST = '.graphiql-dialog .graphiql-table tbody';

export function LeaveShortcut() {
  const [list, setList] = useState(null);

  useEffect(() => {
    const observer = new MutationObserver(() => setList(document.querySelector(LIST)));
    observer.observe(document.body, { childList: true });
    return () => observer.disconnect();
  }, []);

  if (!list) return null;
  const row = (
    <tr>
      <td>
        <code className="graphiql-key">Esc</code>, then <code className="graphiql-key">Tab</code>
      </td>
      <td>Leave an editor</td>
    </tr>
  );
  return createPortal(row, list);
}
