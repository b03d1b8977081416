import { s3Storage } from './s3Storage.js';
import { type DiskOptions, diskStorage, type FilesConfig, type ServedStorage } from './storage.js';

/** The storage that is configured: a bucket, or else a folder. */
export function openStorage(config: FilesConfig, options: Omit<DiskOptions, 'dir'>): ServedStorage {
  return config.s3 ? s3Storage({ ...config.s3, ...options }) : diskStorage({ ...options, dir: config.storageDir });
}
