console.log("borgstack lab: the next release");
