/**
 * What the generated code calls for each operation's text. To the compiler it makes a string, which is what the transport takes; the meta data that the
 * generator adds is not needed.
 */
export const TypedDocumentString = class extends String {} as unknown as new (text: string, meta?: unknown) => string;
