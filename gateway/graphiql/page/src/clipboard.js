// Puts a text on the clipboard; false if the browser doesn't allow it, as over plain HTTP from another machine.
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
