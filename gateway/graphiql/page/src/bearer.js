// The bearer key, stored only for this browser tab, and never in GraphiQL's own storage.

const STORAGE_KEY = 'proxygraph:key';

export function bearerKey() {
  return sessionStorage.getItem(STORAGE_KEY) ?? '';
}

export function storeBearerKey(key) {
  if (key) sessionStorage.setItem(STORAGE_KEY, key);
  else sessionStorage.removeItem(STORAGE_KEY);
}
