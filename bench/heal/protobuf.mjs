// As much of protobuf as etcd's calls need here: varints, byte strings, and messages within messages.

/** A message of fields: [number, value], value a bigint, number or boolean as varint, a string or Buffer as bytes. Zero is left out. */
export function message(...fields) {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      if (typeof value === 'string' || Buffer.isBuffer(value)) {
        const bytes = Buffer.from(value);
        return [varint((number << 3) | 2), varint(bytes.length), bytes];
      }
      return BigInt(value) === 0n ? [] : [varint(number << 3), varint(value)];
    }),
  );
}

/** What a message holds: each field number with all of its values, varints as bigint, byte strings as Buffer. */
export function fieldsOf(bytes) {
  const fields = new Map();
  let at = 0;
  const read = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(read());
    let value = read();
    if ((tag & 7) === 2) {
      const end = at + Number(value);
      value = bytes.subarray(at, end);
      at = end;
    }
    const number = tag >> 3;
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

function varint(value) {
  let rest = BigInt(value);
  const bytes = [];
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
