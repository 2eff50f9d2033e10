import type { Numbers } from "./contract";

type Read = (view: DataView, at: number) => number;

const readers: Record<"f8" | "f4" | "i4", [size: number, read: Read]> = {
  f8: [8, (view, at) => view.getFloat64(at, true)],
  f4: [4, (view, at) => view.getFloat32(at, true)],
  i4: [4, (view, at) => view.getInt32(at, true)],
};

/** The numbers of a column; NaN where there is none. Throws where they are cut off. */
export function decode(numbers: Numbers): Float64Array {
  if (Array.isArray(numbers)) return Float64Array.from(numbers, (value) => value ?? Number.NaN);
  const view = numbers.b64 === undefined ? viewOf(numbers.bytes) : viewOf(fromBase64(numbers.b64));
  const [size, read] = readers[numbers.dtype];
  if (view.byteLength < size * numbers.n) {
    throw new Error(`${numbers.n} numbers need ${size * numbers.n} bytes, have ${view.byteLength}`);
  }
  if (numbers.dtype === "f8" && view.byteOffset % 8 === 0) {
    return new Float64Array(view.buffer, view.byteOffset, numbers.n).slice();
  }
  return Float64Array.from({ length: numbers.n }, (_, index) => read(view, index * size));
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

function viewOf(bytes: unknown): DataView<ArrayBuffer> {
  if (bytes instanceof ArrayBuffer) return new DataView(bytes);
  if (ArrayBuffer.isView(bytes)) {
    return new DataView(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  }
  throw new Error("packed numbers have neither b64 nor bytes");
}
