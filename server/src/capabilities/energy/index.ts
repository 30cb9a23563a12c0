export { createEnergy, type Energy } from './energy.ts';
export { createEnergyLaw } from './law.ts';
