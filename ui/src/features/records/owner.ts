// The record to which the listed ones belong, as it stands in the address.

/** The record to which others belong, from the address. */
export function ownerOf(by: string): { field: string; id: string } | undefined {
  const [field, id] = by.split(":");
  return field && id ? { field, id } : undefined;
}
