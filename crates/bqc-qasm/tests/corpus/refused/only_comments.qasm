// nothing here
//
   // still nothing