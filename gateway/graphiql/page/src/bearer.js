// The bearer key: kept for this browser tab and no longer, and never beside what GraphiQL stores.

const PLACE = 'proxygraph:key';

export function bearerKey() {
  return sessionStorage.getItem(PLACE) ?? '';
}

export function keepBearerKey(key) {
  if (key) sessionStorage.setItem(PLACE, key);
  else sessionStorage.removeItem(PLACE);
}
