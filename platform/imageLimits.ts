/** Bytes of one picture as it is uploaded (FL-06). Apart from what decodes pictures: the gateway needs the number only. */
export const MAX_IMAGE_BYTES = 10 * 1024 * 1024;
