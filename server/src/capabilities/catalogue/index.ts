export { type Catalogue, createCatalogue, FestivalRefused } from './catalogue.ts';
export { FestivalFileError, readFestivalFile } from './festival-file.ts';
