/** What `make` gives, made once for each object and kept as long as that is: for objects that nobody changes. */
export function oncePerObject<K extends object, V extends string | object>(make: (object: K) => V): (object: K) => V {
  const made = new WeakMap<K, V>();
  return (object) => {
    const known = made.get(object);
    if (known !== undefined) return known;
    const value = make(object);
    made.set(object, value);
    return value;
  };
}
