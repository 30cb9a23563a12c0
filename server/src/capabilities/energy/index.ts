export { createEnergy, type Energy } from './energy.ts';
