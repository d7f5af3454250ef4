//! The first commit of `/repo create NAME`: a small service that builds, deploys and answers as it is.
